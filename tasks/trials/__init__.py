"""Trying a strategy out before it is trusted: does it keep what every result rests on?"""
