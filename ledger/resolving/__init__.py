"""Resolution as a service: what is asked, by which method it is answered, and in which form."""
