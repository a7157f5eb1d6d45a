# The websocket on /cable. Who one is, RoomChannel asks.
class ApplicationCable::Connection < ActionCable::Connection::Base
end
