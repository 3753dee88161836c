"""What becomes of single marks: one bench for each question, `python -m benchmarks.marks.NAME`."""
