"""Personal data in texts: where it may stand, and what of it is real.

`candidates` looks at all bytes of a batch at once and finds the few places with an @, enough digits or colons; `kinds`
reads these places and decides, with checksums, address ranges and the phone number plans of the phonenumbers library.
"""
