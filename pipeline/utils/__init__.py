"""What every room uses: errors, progress, files, the device and weights.

May import: nothing.
"""
