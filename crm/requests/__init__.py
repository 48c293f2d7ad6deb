"""What a request has, whether a page or a program of the API asks: moment, transaction, runs."""
