/* Choosing among the variants of a kernel; included once, behind what it needs:
 *
 *     typedef struct { const char *name; ... } Variant;
 *     static const Variant variants[];   the plain one first, then, if HAS_AVX2, the one for AVX2
 *     enum { REVISION = ... };           what the Python side of the room wants to find
 *
 * `chosen` is the variant to run: the best this machine has, until `py_select` says otherwise.
 */
static int variant_count = 1;
static const Variant *chosen = &variants[0];

/* variants(): the names of what this machine can run. */
static PyObject *py_variants(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    PyObject *names = PyTuple_New(variant_count);
    for (int index = 0; names != NULL && index < variant_count; index++) {
        PyObject *name = PyUnicode_FromString(variants[index].name);
        if (name == NULL || PyTuple_SetItem(names, index, name) != 0) {
            Py_DECREF(names);
            return NULL;
        }
    }
    return names;
}

/* select(name): run this variant from now on; ValueError when the machine has none of the name. */
static PyObject *py_select(PyObject *module, PyObject *args)
{
    const char *name;
    (void)module;
    if (!PyArg_ParseTuple(args, "s", &name))
        return NULL;
    for (int index = 0; index < variant_count; index++) {
        if (strcmp(variants[index].name, name) == 0) {
            chosen = &variants[index];
            Py_RETURN_NONE;
        }
    }
    PyErr_SetString(PyExc_ValueError, "this machine has no such variant");
    return NULL;
}

/* Returns the module, with its best variant chosen; NULL with an exception set. */
static PyObject *make_kernel(struct PyModuleDef *definition)
{
#if HAS_AVX2
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2"))
        variant_count = 2;
#endif
    chosen = &variants[variant_count - 1];
    PyObject *module = PyModule_Create(definition);
    if (module != NULL && PyModule_AddIntConstant(module, "REVISION", REVISION) != 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
