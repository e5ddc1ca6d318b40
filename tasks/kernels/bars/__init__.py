"""What strategies on bars share: bars in order, their periods, an account's engine, its statistics."""
