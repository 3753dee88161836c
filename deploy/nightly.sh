#!/bin/sh
# One night: inspects PICTURES into RESULTS/YYYY-MM-DD, prints one line, mails it where MAIL_TO is set.
# Its exit code is that of `main.py nightly`; what stands behind the name of the script is passed on to it.
set -u
: "${PICTURES:?the folder of the pictures}" "${RESULTS:?the folder of the nights}"
cd "$(dirname "$0")/.." || exit 2

line=$(.venv/bin/python main.py nightly --input-dir "$PICTURES" --results-dir "$RESULTS" "$@" 2>&1)
code=$?
printf '%s\n' "$line"
if [ -n "${MAIL_TO:-}" ]; then
    printf '%s\n' "$line" | mail -s "End faces: $(printf '%s' "$line" | tail -n 1)" "$MAIL_TO"
fi
exit "$code"
