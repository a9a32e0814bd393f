"""Pictures into checked films: profiles, chunks, joining, probing and verifying."""
