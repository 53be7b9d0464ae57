@echo off
echo error: this platform does not run on Windows itself 1>&2
echo   why: its services need Linux or macOS 1>&2
echo    do: use WSL2, a Linux inside Windows: see docs/windows.md 1>&2
exit /b 3
