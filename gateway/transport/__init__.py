"""HTTP/1.1 connections for uvicorn, parsed by httptools, with timeouts and bounds on heads, trailers and buffers."""
