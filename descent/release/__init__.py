"""What a release folder holds: manifest, checksums, verification and explanation."""
