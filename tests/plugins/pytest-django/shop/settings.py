from pathlib import Path

SECRET_KEY = "for tests"
INSTALLED_APPS = ["shop"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(__file__).parent.parent / "shop.sqlite3",
        "TEST": {"NAME": Path(__file__).parent.parent / "test.sqlite3"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
ROOT_URLCONF = "shop.urls"
ALLOWED_HOSTS = ["*"]
