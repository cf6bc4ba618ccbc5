"""ScreenCaptureKit, AVFoundation, Core Image and AVAssetWriter through PyObjC."""
