// hold_stderr collects what is written to stderr from now on in memory, until release_stderr.
void hold_stderr(void);
