"""Reading the CSV files of docs/formats/fares-csv.md: from text to checked rows, or to every mistake in it."""
