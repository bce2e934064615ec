"""What long work is done by: the processes of this machine, or a cluster's."""
