"""The service under load: good, bad and hostile uploads at once, for a while."""
