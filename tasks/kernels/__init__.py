"""The hot loops: arrays in, arrays out. No pandas, no I/O, no clock."""
