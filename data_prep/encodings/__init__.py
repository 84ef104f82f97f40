"""Pure encoders and decoders, each with its vocabulary."""
