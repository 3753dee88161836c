"""The door to paper and page: what was found, in files that people look at and machines read.

Of each picture there is one record, NAME_result.json (`write_result`), from which the reports can be made again;
beside it the annotated picture with its zones, marks, stamp and scale bar (`annotate`), the table of its marks, the
polar map, the certificate to be signed. Of the whole batch there are the summary, one page for a browser that needs
no network, a workbook and a certificate (`write_batch_reports`). Reports measure and judge nothing: they say in their
own way what the record says, and a file is whole or not there at all.

    python reporting.py results              writes the reports of a folder of results once more
    python reporting.py results --pdf --excel

so that a report that was not asked for at night can be had in the morning, without the pictures. The terminal has the
same as `python main.py report`.

The wing behind this door is `dscope_blink/reporting/`. Every column of every table is declared there once, with its
unit and meaning, and the documentation is held against it.
"""

import sys

from dscope_blink.terminal.starting import needed_by

with needed_by("reporting.py", __name__):
    from dscope_blink.records import Inspection
    from dscope_blink.reporting.annotation import annotate
    from dscope_blink.reporting.batch_reports import write_batch_reports
    from dscope_blink.reporting.picture_files import write_result
    from dscope_blink.terminal.reports import ALONE, main
    from dscope_blink.terminal.running import as_program

__all__ = ["Inspection", "annotate", "write_batch_reports", "write_result"]

if __name__ == "__main__":
    sys.exit(as_program(ALONE, main))
