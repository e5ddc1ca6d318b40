"""What came of a sweep: questions asked of the merged tables."""
