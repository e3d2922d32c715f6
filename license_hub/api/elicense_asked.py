"""The data of each service of the facade, with examples. What is missing is answered by a status code and not by the form: all optional."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from .elicense_call import Data, Head

IDENTIFIER = "1.2.156.3005.2.11990000YL0000020D001.11990101MB0000002X.0K3J9Z0Q2W4E6R8T0Y1U3I5O7.001.X"
ROW = {"certIdentifier": IDENTIFIER, "certificateName": "营业执照", "certificateHolderName": "样***", "certificateStatus": "01"}
CERT = ROW | {"surface": [{"name": "名称", "value": "样例贸易有限公司"}], "trustLevel": "A", "asOf": "2026-11-22T08:00:00Z"}
ADDRESS = {"certIdentifier": IDENTIFIER, "contentType": "application/pdf", "content": "https://hub.example/v1/downloads/Vb3…"}
FILE = {"certIdentifier": IDENTIFIER, "contentType": "application/pdf", "encoding": "base64", "content": "JVBERi0xLjc…"}
FIELD = {"name": "CZZT", "columnName": "certificateHolderName", "title": "持证主体", "masked": True}

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=512)]
Secret = Annotated[str, StringConstraints(max_length=128)]
Given = TypeVar("Given", bound=Data)


class Asked(BaseModel, Generic[Given]):
    model_config = ConfigDict(extra="ignore")

    head: Head = Head()
    data: Given


class Application(BaseModel):
    appId: Text = Field(default="", examples=["3f2b8c1e-5d0a-4c5e-9a57-0f8e2d7b6a11"], description="Client id")
    appSecret: Secret = Field(default="", examples=["nG4…"], description="From `hub clients secret`")


class Held(Data):
    holderCode: Text = Field(default="", examples=["91990101MA0000001X"])
    holderTypeCode: Text = Field(default="", examples=["001"], description="持证主体代码类型, GB/T 36903 Annex A")
    certTypeCode: Text = Field(default="", examples=["11990000YL0000020D001"])
    certNo: Text = Field(default="", examples=[""], description="One certificate alone")


class Named(Data):
    certIdentifier: Text = Field(default="", examples=[IDENTIFIER])


class Wanted(Named):
    expiryTime: Text = Field(default="", examples=["20261231235959"], description="The copy's own end; 30 days without one")


class Download(Named):
    id: Text = Field(default="", examples=[""], description="Last part of a download address")
    certificateCopyCause: Text = Field(default="", examples=["公租房申请"], description="Printed on the copy; else useCause")
    certificateCopyExpiringTime: Text = Field(default="", examples=["20261231235959"])


class Information(Data):
    certTypeCode: Text = Field(default="", examples=["11990000YL0000020D001"])
    certData: dict[Annotated[str, StringConstraints(max_length=64)], Text] = Field(
        default_factory=dict, max_length=64, description="holder, holderCode and certNo; any other field that is to be compared",
        examples=[{"holder": "样例第2001号贸易有限公司", "holderCode": "91990101MA0000001X", "certNo": "91990101MA0000001X"}],
    )  # fmt: skip

    def text(self, name: str) -> str:
        return self.certData.get(name, "")


class File(Data):
    certTypeCode: Text = Field(default="", examples=["11990000YL0000020D001"])
    content: str = Field(default="", examples=["JVBERi0xLjc…"])
    contentType: Text = Field(default="", examples=["base64"])


class Code(Data):
    qrcode: Text = Field(default="", examples=["MZT:KZ0X:5QE3%V8*4WCB0 …"])


class Kind(Data):
    certName: Text = Field(default="", examples=["营业执照"])
    certTypeCode: Text = Field(default="", examples=["11990000YL0000020D001"])
