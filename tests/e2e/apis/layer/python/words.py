WORD = "new"
