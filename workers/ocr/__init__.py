"""Pages as text: engines that read, behind one port."""
