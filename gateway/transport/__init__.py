"""HTTP/1.1 connections: uvicorn's protocol with read and write timeouts."""
