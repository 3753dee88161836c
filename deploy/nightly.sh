#!/bin/sh
# One night: inspects PICTURES into RESULTS/YYYY-MM-DD, prints one line, mails it where MAIL_TO is set.
# Its exit code is that of `nightly`; what stands behind the name of the script is passed on to it.
# DSCOPE_BLINK: path of the installed command; without it the checkout that this script lies in is run.
set -u
: "${PICTURES:?the folder of the pictures}" "${RESULTS:?the folder of the nights}"

set -- nightly --input-dir "$PICTURES" --results-dir "$RESULTS" "$@"
if [ -n "${DSCOPE_BLINK:-}" ]; then
    line=$("$DSCOPE_BLINK" "$@" 2>&1)
else
    cd "$(dirname "$0")/.." || exit 2
    line=$(.venv/bin/python main.py "$@" 2>&1)
fi
code=$?
printf '%s\n' "$line"
if [ -n "${MAIL_TO:-}" ]; then
    printf '%s\n' "$line" | mail -s "End faces: $(printf '%s' "$line" | tail -n 1)" "$MAIL_TO"
fi
exit "$code"
