
/* What all pages share.  Without it they work by plain forms and links. */

(function () {
    'use strict';

    var hash = location.hash;

    function all(selector, call) {
        Array.prototype.forEach.call(document.querySelectorAll(selector),
                                     call);
    }


    /* a redirect keeps the fragment, but no server ever sees it */

    all('input[name="return"]', function (input) {
        if (input.value && input.value.indexOf('#') < 0) {
            input.value += hash;
        }
    });

    all('a[data-carry]', function (link) {
        var href = link.getAttribute('href');

        if (href && href.indexOf('#') < 0) {
            link.setAttribute('href', href + hash);
        }
    });


    /* the field that needs a person's attention */

    function mark() {
        var first = null;

        all('[data-field]', function (problem) {
            var box = problem.closest('form');
            var field = box && box.elements[problem.dataset.field];

            if (!field) {
                return;
            }
            if (!problem.textContent) {
                field.removeAttribute('aria-invalid');
                return;
            }
            field.setAttribute('aria-invalid', 'true');
            first = first || field;
        });

        return first;
    }

    function focus() {
        var first = mark(), alert = document.getElementById('alert');
        var email = document.getElementById('email');
        var password = document.getElementById('password');

        if (!first && email && password && email.value && !password.value
            && !(alert && alert.dataset.error === 'email_exists'))
        {
            first = password;
        }
        if (first) {
            first.focus();
            first.select();
        }
    }

    focus();


    /* one click, one request */

    function hold(form, busy) {
        var button = form.querySelector('[type="submit"]');

        if (busy) {
            form.dataset.busy = '1';
        } else {
            delete form.dataset.busy;
        }
        if (button) {
            button.disabled = busy;
        }
    }

    document.addEventListener('submit', function (event) {
        var form = event.target;

        if (form.dataset.busy) {
            event.preventDefault();
            return;
        }
        if (form.dataset.mode === 'web_message' && !form.dataset.plain) {
            event.preventDefault();
            hold(form, true);
            send(form);
            return;
        }

        /* not before the browser has taken what it sends */
        setTimeout(hold, 0, form, true);
    });

    window.addEventListener('pageshow', function (event) {
        if (event.persisted) {
            all('form', function (form) { hold(form, false); });
        }
    });


    /* web_message: the code comes from a hidden frame, not by a redirect */

    function post(url, body) {
        return fetch(url, {
            method: 'POST',
            credentials: 'same-origin',
            headers: {
                'Accept': 'application/json',
                'Content-Type': 'application/json'
            },
            body: JSON.stringify(body)
        }).then(function (response) { return response.json(); });
    }

    function prefix(form) {
        return form.getAttribute('action').replace(/[^\/]*$/, '');
    }

    function endpoint(form) {
        return form.getAttribute('action').replace(/^.*\//, '');
    }

    /* "profile.phones[0].phone" as the object that it stands for */
    function put(body, name, value) {
        var path = name.replace(/\[(\d+)\]/g, '.$1').split('.'), i;

        for (i = 0; i < path.length - 1; i++) {
            if (!Object.prototype.hasOwnProperty.call(body, path[i])) {
                body[path[i]] = /^\d+$/.test(path[i + 1]) ? [] : {};
            }
            body = body[path[i]];
        }
        body[path[i]] = value;
    }

    function collect(form) {
        var body = {};

        new FormData(form).forEach(function (value, name) {
            if (value) {
                put(body, name === 'g-recaptcha-response' ? 'captcha' : name,
                    value);
            }
        });

        return body;
    }

    /* a captcha's answer is for one use */
    function again(form) {
        var api = window.grecaptcha && window.grecaptcha.enterprise;

        if (form.querySelector('.g-recaptcha') && api && api.reset) {
            api.reset();
        }
        hold(form, false);
    }

    function tell(form, text, fields) {
        var alert = document.getElementById('alert'), shown = false, first;

        all('[data-field]', function (problem) {
            var name = problem.dataset.field;

            problem.textContent = fields
                && (fields[name] || fields['loginId.' + name]) || '';
            shown = shown || !!problem.textContent;
        });

        if (alert) {
            alert.dataset.error = '';
            alert.textContent = shown ? '' : text;
        }
        again(form);

        first = mark() || form.elements.password || form.elements.code;
        if (first) {
            first.focus();
            first.select();
        }
    }

    /* the way that needs no script */
    function plain(form) {
        form.dataset.plain = '1';
        again(form);
        form.requestSubmit();
    }

    /* an account that is made, or a code that is used, is so only once */
    function fallback(form) {
        var back = form.elements['return'];
        var login = prefix(form) + 'login';

        if (endpoint(form) === 'login') {
            plain(form);
        } else if (form.elements.password) {
            form.setAttribute('action', login);
            plain(form);
        } else {
            location.replace(login + (back && back.value
                ? '?return=' + encodeURIComponent(back.value) : ''));
        }
    }

    function send(form) {
        post(form.getAttribute('action'), collect(form)).then(
            function (answer) { judge(form, answer); },
            function () {
                if (endpoint(form) === 'login') {
                    plain(form);
                } else {
                    tell(form, 'No answer came. Please try again.');
                }
            });
    }

    function judge(form, answer) {
        var field;

        if (answer.error) {
            if (/^captcha_/.test(answer.error)
                && !form.querySelector('.g-recaptcha, [data-captcha]'))
            {
                plain(form);
                return;
            }
            for (field in answer.fields) {
                tell(form, answer.fields[field], answer.fields);
                return;
            }
            tell(form, answer.message);
            if (answer.loginUrl) {
                way(answer.loginUrl);
            }
            return;
        }

        switch (answer.state) {

        case 'SUCCESS':
            if (answer.responseMode === 'web_message') {
                frame(form, answer.redirectUrl);
            } else {
                location.replace(answer.redirectUrl);
            }
            break;

        case 'REQUIRE_EMAIL_VERIFICATION':
            verify(form, answer.stateToken);
            break;

        case 'REQUIRE_OWNER_APPROVAL':
            wait();
            break;

        default:
            plain(form);
        }
    }

    /* a step that no form here has */
    function way(address) {
        var alert = document.getElementById('alert');
        var link = document.createElement('a');

        if (alert) {
            link.href = address;
            link.textContent = 'Continue at the Wix login page';
            alert.append(' ', link);
            link.focus();
        }
    }

    /* nothing is left to fill in */
    function wait() {
        var title = document.querySelector('h1');
        var text = document.createElement('p');

        all('form, details, #alert, .lead', function (e) { e.remove(); });

        document.title = document.title.replace(title.textContent,
                                                'Waiting for approval');
        title.textContent = 'Waiting for approval';
        title.tabIndex = -1;

        text.className = 'lead';
        text.textContent = 'Your membership is with the site owner for '
            + 'approval. You can log in as soon as it is approved.';
        title.after(text);
        title.focus();
    }

    /* the page that asks for the code takes the place of this one: posting
       to it without a code would be an error, and the token has no other way
       there than a form */
    function verify(form, token) {
        var body = collect(form), back = body['return'];

        fetch(prefix(form) + 'verify' + (back ? '?return='
              + encodeURIComponent(back) : ''), {credentials: 'same-origin'})
            .then(function (response) { return response.text(); })
            .then(function (html) {
                var page = new DOMParser().parseFromString(html, 'text/html');
                var main = document.querySelector('main');

                main.replaceWith(page.querySelector('main'));
                document.title = page.title;

                all('[name="stateToken"]', function (input) {
                    input.value = token;
                });
                all('[name="email"]', function (input) {
                    input.value = body.email || input.value;
                });
                document.getElementById('code').focus();
            })
            .catch(function () { fallback(form); });
    }

    function frame(form, address) {
        var iframe = document.createElement('iframe');
        var link = document.createElement('a'), state, timer;

        link.href = address;
        state = new URLSearchParams(link.search).get('state');

        function done() {
            clearTimeout(timer);
            removeEventListener('message', listen);
            iframe.remove();
        }

        function listen(event) {
            var data = event.data;

            if (event.origin !== link.origin
                || event.source !== iframe.contentWindow
                || !data || typeof data !== 'object')
            {
                return;
            }
            if (data.response && typeof data.response === 'object') {
                data = data.response;
            }
            if (!state || data.state !== state) {
                return;
            }

            done();

            if (typeof data.code !== 'string') {
                fallback(form);
                return;
            }
            post(prefix(form) + 'callback', {code: data.code, state: state})
                .then(function (answer) {
                    if (!answer.redirectUrl) {
                        throw new Error(answer.error);
                    }
                    location.replace(answer.redirectUrl);
                })
                .catch(function () { fallback(form); });
        }

        addEventListener('message', listen);
        timer = setTimeout(function () { done(); fallback(form); }, 15000);

        /* Wix answers whom it knows, so it must see who asks */
        iframe.referrerPolicy = 'strict-origin-when-cross-origin';
        iframe.hidden = true;
        iframe.title = 'Login';
        iframe.src = address;
        document.body.appendChild(iframe);
    }
})();
