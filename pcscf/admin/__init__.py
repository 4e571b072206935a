"""What the P-CSCF tells about itself: counters, metrics, health."""
