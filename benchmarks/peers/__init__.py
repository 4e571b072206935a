"""What a user would otherwise run, and what drives and bounds the media: Kamailio, rtpengine, C programs."""
