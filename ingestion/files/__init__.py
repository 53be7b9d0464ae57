"""Files of all kinds that hold a table, read as workbooks are: sheets, rows and cells, nothing guessed."""
