"""HTTP/1.1 connections for uvicorn: httptools parses, and time, heads, trailers and unread answers are bounded."""
