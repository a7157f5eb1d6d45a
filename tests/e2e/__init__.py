"""End to end: the product as an operator runs it, on lab hosts, with nothing mocked."""
