"""What a network's last layer is given of each face crop, computed once, and heads on it."""
