
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_check.h"
#include "ngx_http_wix_auth_state.h"


static ngx_int_t ngx_http_wix_auth_check_state(ngx_conf_t *cf,
    ngx_http_wix_auth_state_conf_t *state);
static ngx_int_t ngx_http_wix_auth_check_folder(ngx_conf_t *cf,
    ngx_http_wix_auth_state_conf_t *state, ngx_file_info_t *fi);
static ngx_int_t ngx_http_wix_auth_check_slot(ngx_conf_t *cf,
    ngx_http_wix_auth_state_conf_t *state, const char *suffix);
static ngx_int_t ngx_http_wix_auth_check_twice(ngx_conf_t *cf,
    ngx_http_wix_auth_state_conf_t *state,
    ngx_http_wix_auth_state_conf_t *other);
static ngx_uint_t ngx_http_wix_auth_check_meet(ngx_str_t *one,
    ngx_str_t *two);
static size_t ngx_http_wix_auth_check_base(ngx_str_t *file);


/* looks at names, owners and modes; opens nothing */

ngx_int_t
ngx_http_wix_auth_check_states(ngx_conf_t *cf)
{
    ngx_uint_t                       i, j;
    ngx_http_wix_auth_main_conf_t   *wmcf;
    ngx_http_wix_auth_state_conf_t  *state;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wix_auth_module);
    state = wmcf->states->elts;

    for (i = 0; i < wmcf->states->nelts; i++) {

        if (ngx_http_wix_auth_check_state(cf, &state[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        for (j = 0; j < i; j++) {
            if (ngx_http_wix_auth_check_twice(cf, &state[i], &state[j])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if (ngx_http_wix_auth_state_add(cf, state[i].zone, &state[i].file,
                                        state[i].conf->ring)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_check_state(ngx_conf_t *cf,
    ngx_http_wix_auth_state_conf_t *state)
{
    ngx_file_info_t  fi;

    if (state->conf->ring == NULL) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, &state->place,
                            "\"state=\" of zone \"%V\" needs a key that "
                            "outlives a restart; add \"wix_auth_session_key "
                            "wix_auth.key;\" beside it",
                            &state->zone->shm.name);
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_check_folder(cf, state, &fi) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_check_slot(cf, state, "") != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_check_slot(cf, state, ".1");
}


static ngx_int_t
ngx_http_wix_auth_check_folder(ngx_conf_t *cf,
    ngx_http_wix_auth_state_conf_t *state, ngx_file_info_t *fi)
{
    u_char     *name;
    ngx_err_t   err;
    ngx_str_t   folder;

    folder.data = state->file.data;
    folder.len = ngx_http_wix_auth_check_base(&state->file);

    if (folder.len == state->file.len) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, &state->place,
                            "state file \"%V\" is a directory; give the name "
                            "of a file in it", &state->file);
        return NGX_ERROR;
    }

    name = ngx_pnalloc(cf->temp_pool, folder.len + 1);
    if (name == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(name, folder.data, folder.len + 1);

    if (ngx_file_info(name, fi) == NGX_FILE_ERROR) {
        err = ngx_errno;

        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, &state->place,
                            "state file \"%V\" in a directory that cannot be "
                            "found (%d: %s); create \"%V\"",
                            &state->file, err, strerror(err), &folder);
        return NGX_ERROR;
    }

    if (!ngx_is_dir(fi)) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, &state->place,
                            "state file \"%V\" in what is no directory; "
                            "give the name of a file in one", &state->file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* what is there already must be a file of ours */

static ngx_int_t
ngx_http_wix_auth_check_slot(ngx_conf_t *cf,
    ngx_http_wix_auth_state_conf_t *state, const char *suffix)
{
    u_char           *name;
    ngx_file_info_t   fi;

    name = ngx_pnalloc(cf->temp_pool, state->file.len + sizeof(".1"));
    if (name == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(name, "%V%s%Z", &state->file, suffix);

    if (ngx_link_info(name, &fi) == NGX_FILE_ERROR) {
        return NGX_OK;
    }

    if (!ngx_is_file(&fi)) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, &state->place,
                            "state file \"%s\" is %s; give the name of a "
                            "plain file", name,
                            ngx_is_dir(&fi) ? "a directory"
                            : ngx_is_link(&fi) ? "a symbolic link"
                            : "no plain file");
        return NGX_ERROR;
    }

    if (fi.st_uid != geteuid()) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_WARN, &state->place,
                            "state file \"%s\" belongs to another user (%d); "
                            "use \"chown\", or remove it",
                            name, (int) fi.st_uid);
    }

    if (ngx_file_access(&fi) & 0077) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_WARN, &state->place,
                            "state file \"%s\" is open to other users of "
                            "this machine; use \"chmod 600\"", name);
    }

    return NGX_OK;
}


/* a zone has one file, a file one zone, however its directory is written */

static ngx_int_t
ngx_http_wix_auth_check_twice(ngx_conf_t *cf,
    ngx_http_wix_auth_state_conf_t *state,
    ngx_http_wix_auth_state_conf_t *other)
{
    ngx_file_info_t  one, two;

    if (state->zone == other->zone) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, &state->place,
                            "zone \"%V\" has a state file already; give "
                            "\"state=\" once", &state->zone->shm.name);
        return NGX_ERROR;
    }

    if (!ngx_http_wix_auth_check_meet(&state->file, &other->file)
        && !ngx_http_wix_auth_check_meet(&other->file, &state->file))
    {
        return NGX_OK;
    }

    if (ngx_http_wix_auth_check_folder(cf, state, &one) != NGX_OK
        || ngx_http_wix_auth_check_folder(cf, other, &two) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (one.st_dev != two.st_dev
        || ngx_file_uniq(&one) != ngx_file_uniq(&two))
    {
        return NGX_OK;
    }

    ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, &state->place,
                            "state file \"%V\" is that of zone \"%V\" too; "
                            "give each zone its own", &state->file,
                            &other->zone->shm.name);

    return NGX_ERROR;
}


/* one is called as two is, or as its second slot */

static ngx_uint_t
ngx_http_wix_auth_check_meet(ngx_str_t *one, ngx_str_t *two)
{
    u_char  *a, *b;
    size_t   n, m;

    n = ngx_http_wix_auth_check_base(one);
    a = one->data + n;
    n = one->len - n;

    m = ngx_http_wix_auth_check_base(two);
    b = two->data + m;
    m = two->len - m;

    if (n < m || ngx_memcmp(a, b, m) != 0) {
        return 0;
    }

    return n == m || (n == m + 2 && a[m] == '.' && a[m + 1] == '1');
}


/* where the last segment of a path begins */

static size_t
ngx_http_wix_auth_check_base(ngx_str_t *file)
{
    size_t  i;

    for (i = file->len; i > 0 && file->data[i - 1] != '/'; i--) {
        /* void */
    }

    return i;
}
