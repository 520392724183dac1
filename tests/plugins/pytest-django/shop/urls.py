from django.http import JsonResponse
from django.urls import path

from shop.models import Item

urlpatterns = [path("items", lambda _: JsonResponse({"count": Item.objects.count()}))]
