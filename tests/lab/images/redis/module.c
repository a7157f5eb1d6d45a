/* A module that does nothing but load: the official image brings four, by --loadmodule. */
typedef int (*find)(const char *name, void *function);

int RedisModule_OnLoad(void *context, void **words, int count)
{
	void (*introduce)(void *context, const char *name, int version, int interface);

	((find)*(void **)context)("RedisModule_SetModuleAttribs", &introduce);
	introduce(context, "lab", 1, 1);
	return 0;
}
