"""Detectors trained out of fold, whatever their framework."""
