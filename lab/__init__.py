"""What a person needs to see the edge work and to test with: UE, core, media end, demo."""
