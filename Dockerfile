# Nothing here needs BuildKit: act and Gitea's runner build an action with the classic builder.
# Another base, with an own CA or from a mirror, is welcome: --build-arg BASE=mirror.example.com/python:3.13-slim
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /
# The entry point needs it (below): a base that has another `env` is told here.
RUN /usr/bin/env --block-signal=HUP,INT,TERM true
# For pip, where given. They stay in this stage; the proxy variables are known to docker build without being named here.
ARG PIP_INDEX_URL
ARG PIP_CERT
# What pip imports must not look like what the program imports (below).
ENV PYTHONDONTWRITEBYTECODE=1
COPY requirements.txt /build/
# The venv never holds a pip, and of its bin only the links to Python are kept.
RUN python3 -m venv --without-pip /opt/deployer \
 && pip --python /opt/deployer/bin/python install --quiet --disable-pip-version-check --no-cache-dir --no-compile \
      --require-hashes --only-binary :all: --no-deps --requirement /build/requirements.txt \
 && find /opt/deployer/bin -type f -delete
# Parts of packages that are for other programs: a type checker, a browser, a shell, the pydantic before this one (`tools/layers.py`).
RUN find /opt/deployer/lib \( -path '*/pydantic/v1' -o -path '*/pydantic/mypy.py' -o -path '*/urllib3/contrib/emscripten' \
      -o -path '*/charset_normalizer/cli' -o -path '*/dotenv/cli.py' -o -path '*/idna/cli.py' \
      -o -name '*.pyi' -o -name py.typed \) -prune -exec rm -r {} + && rm -r /opt/deployer/include
COPY LICENSE entrypoint.py /opt/deployer/
COPY deployer /build/deployer
# Bytecode is hashed once, here: it stays valid whatever date a file has, and no uid and no read-only file system lacks it.
# The context may come from a strict umask; any uid must be able to read the result.
RUN mv /build/deployer "$(/opt/deployer/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && sed -i '1i #!/opt/deployer/bin/python -I' /opt/deployer/entrypoint.py \
 && /opt/deployer/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/deployer/lib \
 && chmod -R a+rX /opt/deployer && chmod a+x /opt/deployer/entrypoint.py \
 && mkdir -p /out/usr/local/bin && ln -s /opt/deployer/entrypoint.py /out/usr/local/bin/deployer
# The official image ships the standard library without bytecode, which would be compiled again at every start (0.4 s).
# Importing all of ours leaves the bytecode of just the modules that we use; it fits the final stage, which has the same base.
RUN touch /build/before \
 && /opt/deployer/bin/python -I -c \
      'import deployer, pkgutil; [__import__(m.name) for m in pkgutil.walk_packages(deployer.__path__, "deployer.")]' \
 && find usr -name '*.pyc' -newer /build/before >/build/list \
 && tar -c -T /build/list -f /build/bytecode.tar && tar -x -f /build/bytecode.tar -C /out

FROM ${BASE}
ARG SOURCE=""
LABEL org.opencontainers.image.title="deployer" \
      org.opencontainers.image.description="Triggers a Coolify deployment, follows it to its end and exits with the verdict" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}"
COPY --from=build /opt/deployer /opt/deployer
COPY --from=build /out/ /
# Root, because GitHub mounts files that only root may write; any other --user works as well.
# -I: a job's PYTHON* variables and the folder that it stands in are not ours.
# No shell in between: it would drop inputs with a hyphen, and keep the signals to itself.
# The kernel drops what PID 1 has no handler for, unless it is blocked: these wait until the program has its own (deployer/__main__.py).
ENTRYPOINT ["/usr/bin/env", "--block-signal=HUP,INT,TERM", "/opt/deployer/bin/python", "-I", "/opt/deployer/entrypoint.py"]
