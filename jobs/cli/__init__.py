"""One file per command of `reelmill`: `arguments(parser)` says its words, `main(args)` does it."""
