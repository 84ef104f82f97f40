"""Music in a web page: notes as plain data, an engraved page or a piano roll, and a player in JavaScript."""
