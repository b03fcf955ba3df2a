"""Which fields may be written, and since which version (coolify-api 5.7, 5.9)."""

from collections.abc import Mapping

# What PATCH has long allowed (coolify-api 5.7), except instant_deploy, which would start a deployment.
LONG = frozenset({
    "name", "description", "is_static", "domains", "git_repository", "git_branch", "git_commit_sha",
    "docker_registry_image_name", "docker_registry_image_tag", "build_pack", "static_image",
    "install_command", "build_command", "start_command", "ports_exposes", "ports_mappings", "base_directory",
    "publish_directory", "health_check_enabled", "health_check_path", "health_check_port",
    "health_check_host", "health_check_method", "health_check_return_code", "health_check_scheme",
    "health_check_response_text", "health_check_interval", "health_check_timeout", "health_check_retries",
    "health_check_start_period", "limits_memory", "limits_memory_swap", "limits_memory_swappiness",
    "limits_memory_reservation", "limits_cpus", "limits_cpuset", "limits_cpu_shares", "custom_labels",
    "custom_docker_run_options", "pre_deployment_command", "pre_deployment_command_container",
    "post_deployment_command", "post_deployment_command_container", "watch_paths", "redirect",
    "use_build_server", "custom_nginx_configuration", "manual_webhook_secret_github",
    "manual_webhook_secret_gitlab", "manual_webhook_secret_bitbucket", "manual_webhook_secret_gitea",
    "docker_compose_location", "docker_compose_custom_start_command", "docker_compose_custom_build_command",
    "docker_compose_domains",
})  # fmt: skip
GONE = frozenset({"docker_compose_raw"})  # since beta.463
SINCE: Mapping[str, frozenset[str]] = {
    "4.0.0-beta.420": frozenset({
        "is_http_basic_auth_enabled", "http_basic_auth_username", "http_basic_auth_password",
        "connect_to_docker_network",
    }),
    "4.0.0-beta.425": frozenset({"force_domain_override"}),
    "4.0.0-beta.463": frozenset({
        "is_spa", "is_auto_deploy_enabled", "is_force_https_enabled", "custom_network_aliases",
        "dockerfile_location", "is_container_label_escape_enabled",
    }),
    "4.0.0-beta.470": frozenset({"health_check_type", "health_check_command", "dockerfile_target_build"}),
    "4.0.0": frozenset({"is_preserve_repository_enabled"}),
    "4.2.0": frozenset({
        "is_preview_deployments_enabled", "use_build_secrets", "is_git_submodules_enabled",
        "is_git_lfs_enabled", "is_git_shallow_clone_enabled", "disable_build_cache",
        "inject_build_args_to_dockerfile", "include_source_commit_in_build", "is_env_sorting_enabled",
        "is_pr_deployments_public_enabled", "is_gzip_enabled", "is_stripprefix_enabled",
        "is_raw_compose_deployment_enabled", "is_log_drain_enabled", "is_consistent_container_name_enabled",
        "custom_internal_name", "stop_grace_period", "docker_images_to_keep", "is_gpu_enabled", "gpu_driver",
        "gpu_count", "gpu_device_ids", "gpu_options",
    }),
    "4.3.0": frozenset({"noindex_domains", "preview_url_template", "max_restart_count"}),
}  # fmt: skip
FIELDS = LONG.union(*SINCE.values())
# Booleans. Fields that are neither these nor numbers nor lists are strings.
BOOLEANS = frozenset(name for name in FIELDS if name.startswith(("is_", "use_"))) | {
    "health_check_enabled", "connect_to_docker_network", "force_domain_override", "disable_build_cache",
    "inject_build_args_to_dockerfile", "include_source_commit_in_build",
}  # fmt: skip
OTHERS = frozenset({
    "health_check_port", "health_check_return_code", "health_check_interval", "health_check_timeout",
    "health_check_retries", "health_check_start_period", "limits_memory_swappiness", "limits_cpu_shares",
    "stop_grace_period", "docker_images_to_keep", "max_restart_count", "gpu_count", "docker_compose_domains",
})  # fmt: skip
TEXTS = (FIELDS | GONE) - BOOLEANS - OTHERS

FLAGS_SINCE_435 = frozenset({"is_multiline", "is_shown_once", "is_runtime", "is_buildtime"})
BULK = frozenset({"key", "value", "is_preview", "is_literal", "comment"}) | FLAGS_SINCE_435
