"""sluice-package: turns what a build made into the artifact that `/deploy` reads."""

VERSION = "1.0"
