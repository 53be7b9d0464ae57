@echo off
>&2 echo error: this platform does not run on Windows itself
>&2 echo   why: its services need Linux or macOS
>&2 echo    do: use WSL2, a Linux inside Windows: see docs/windows.md
exit /b 3
