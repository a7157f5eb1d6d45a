# What the super administrator sees first. The other pages are not part of the double.
class SuperAdmin::UsersController < SuperAdmin::ApplicationController
  def index
    @users = User.order(:id)
  end
end
