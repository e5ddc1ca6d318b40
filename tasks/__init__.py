"""What is computed and merged, and in which words it is asked for and answered. The floor: imports no other
room.
"""
