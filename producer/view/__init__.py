"""What people see: tables, JSON documents, errors with hints, the live bar."""
