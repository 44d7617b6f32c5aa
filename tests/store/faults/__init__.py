"""Exits, full disks, failed syncs, cut logs and flipped bits, made on purpose."""
