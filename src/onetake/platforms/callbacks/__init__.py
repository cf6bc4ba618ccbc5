"""Parts of sources whose samples arrive in callbacks of the system; nothing here is of any one."""
