"""The conductor: Plan + Timeline -> Clips -> Jobs -> videos."""
