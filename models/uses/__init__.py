"""Uses of trained models: requests, and the protocols that families implement."""
