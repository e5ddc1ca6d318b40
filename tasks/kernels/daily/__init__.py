"""Daily bars as screens and scores read them, and the indicator columns made from them."""
